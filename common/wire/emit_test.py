def header(d):
    return ""
source = header
