"""Checks what test_decimal reckoned, with Python's integers of any size: oracle_decimal.py FILE

A line is an operation, its operands and the answer; "-" is "does not fit". Prints the first differences.
"""
import sys
from fractions import Fraction

INT64 = range(-(1 << 63), 1 << 63)
INT128 = (-(1 << 127), (1 << 127) - 1)


def fit(value, low, high):
    return str(value) if low <= value <= high else "-"


def expected(operation, a):
    if operation == "div":  # round() of a Fraction is half to even
        return [fit(round(Fraction(int(a[0]) * 10 ** int(a[2]), int(a[1]))), INT64[0], INT64[-1])]
    if operation == "rescale":
        return [fit(round(Fraction(int(a[0]) * 10 ** int(a[2]), 10 ** int(a[1]))), *INT128)]
    value = Fraction(a[0]) * 10 ** int(a[1])
    if operation == "parse":
        return [fit(round(value), INT64[0], INT64[-1])]
    floor = value.numerator // value.denominator
    kept = min(max(floor, INT64[0]), INT64[-1])
    return [str(kept), str(int(kept == value))]


def main():
    count = wrong = 0
    with open(sys.argv[1]) as lines:
        for line in lines:
            operation, *words = line.split()
            answers = 2 if operation == "bound" else 1
            want = expected(operation, words[:-answers])
            count += 1
            if want != words[-answers:]:
                wrong += 1
                if wrong <= 5:
                    print("#", line.strip(), "expected", *want)
    print("# %d cases, %d wrong" % (count, wrong))
    return 0 if count > 0 and wrong == 0 else 1


sys.exit(main())
