"""The limits: the least that anybody could do for the same result, with which our arms take turns."""
