{
 "cells": [{"source": ["import os\n"]}]
}
