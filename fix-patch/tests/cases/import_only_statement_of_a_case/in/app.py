match x:
    case 1:
        import os
