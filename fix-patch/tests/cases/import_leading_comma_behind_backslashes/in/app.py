from shop import cart \
    , price \
    , stock
