"""Another thread cannot see a local attribute (seed 5, "local", second example).

The second call of ``worker`` ends with the AttributeError that the seed is about, on stderr.
"""

import threading

X = "abc"
ctx = threading.local()
ctx.x = 123

print(ctx, type(ctx), ctx.x)


def worker():
    print(X)
    print(ctx)
    print(ctx.x)
    print("working")


worker()
print("+" * 30)
threading.Thread(target=worker).start()
