if TYPE_CHECKING:  # pylint: disable=unused-import
    import shop
