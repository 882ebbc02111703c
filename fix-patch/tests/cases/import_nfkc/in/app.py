import ﬁnance
