def f():
	import os
