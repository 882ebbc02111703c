import xml.dom


def f():
    import xml

    return xml.dom.Node
