async def f():
    import os
