import os
%matplotlib inline
