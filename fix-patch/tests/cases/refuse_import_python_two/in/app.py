import os
print "x"
