import scipy as sp
import scipy.stats

print(sp.stats.norm)
