# -*- coding: utf-8 -*-
import os
s = "é"
