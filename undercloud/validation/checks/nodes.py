"""x"""



def registered(document):
    return ()
