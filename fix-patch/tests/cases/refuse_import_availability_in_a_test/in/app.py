with pytest.raises(ImportError):
    import gone
