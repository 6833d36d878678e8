"""Small stories in which nothing at all may differ."""

from harness.scripts import run_scripts

VALUES = ["0", "7", "9999", "10000", "-1", "-0", "00", "+1", '" 1"', "1.0",
          "9223372036854775807", "-9223372036854775808",
          "9223372036854775808", "12345678901234567890", '""', "a",
          "b" * 20, "c" * 44, "d" * 45, "e" * 100]
DEADLINES = ["EXAT 4102444800", "PXAT 4102444800123", "PXAT 4102444799500",
             "PXAT 4102444799499", "EXAT 4102444801"]


def encodings():
    for value in VALUES:
        yield f"encoding of {value}", f"""
            a SET k {value}
            a OBJECT ENCODING k
            a OBJECT REFCOUNT k
            a DEL k
            a SETNX k {value}
            a OBJECT ENCODING k
            a MSET k {value}
            a OBJECT ENCODING k
            a COPY k copy
            a OBJECT ENCODING copy
            a RENAME copy moved
            a OBJECT ENCODING moved
            a GETSET k {value}
            a OBJECT ENCODING k"""


def deadlines():
    for deadline in DEADLINES:
        yield f"deadline {deadline}", f"""
            a SET k v {deadline}
            a EXPIRETIME k
            a PEXPIRETIME k
            a SET k w KEEPTTL
            a PEXPIRETIME k
            a APPEND k x
            a PEXPIRETIME k
            a INCRBY n 4
            a GETEX n {deadline}
            a INCR n
            a PEXPIRETIME n
            a SETRANGE n 3 x
            a PEXPIRETIME n
            a SETBIT n 9 1
            a PEXPIRETIME n
            a BITFIELD n SET u8 0 65
            a PEXPIRETIME n
            a BITOP NOT n k
            a PEXPIRETIME n
            a RENAME k n
            a PEXPIRETIME n
            a COPY n m
            a PEXPIRETIME m
            a GETSET m x
            a PEXPIRETIME m
            a SET n y
            a TTL n
            a PTTL n
            a EXPIRETIME nokey
            a PEXPIRETIME nokey
            a TTL nokey
            a PTTL nokey
            a SET n z {deadline} GET
            a PERSIST n
            a PERSIST n
            a TTL n"""


STORIES = [
    ("deadlines in the past", """
        a SET k v EXAT 1
        a GET k
        a EXISTS k
        a SET k v PXAT 1000
        a TTL k
        a SET k v
        a GETEX k EXAT 1
        a EXISTS k
        a SET k v
        a EXPIREAT k 1
        a EXISTS k
        a SET k v
        a EXPIRE k -1
        a EXISTS k
        a SET k v EX 100000
        a EXPIRE k -1 GT
        a EXPIRE k -1 LT
        a EXISTS k
        a SET k v
        a PEXPIRE k 0 NX
        a EXISTS k
        a DBSIZE"""),
    ("integers at their limits", """
        a SET n 9223372036854775807
        a INCR n
        a INCRBY n 0
        a DECRBY n -1
        a DECRBY n -9223372036854775808
        a INCRBY n -9223372036854775808
        a DECR n
        a SET n -9223372036854775808
        a DECR n
        a DECRBY n 1
        a INCRBY n 9223372036854775807
        a INCRBY n 9223372036854775808
        a GET n"""),
    ("floating-point numbers", """
        a SET f 10.50
        a INCRBYFLOAT f 0.1
        a INCRBYFLOAT f -5
        a SET f 5.0e3
        a INCRBYFLOAT f 2.0e2
        a INCRBYFLOAT f 1e-20
        a INCRBYFLOAT f nan
        a INCRBYFLOAT f inf
        a INCRBYFLOAT g 3.00000000000000005
        a INCRBYFLOAT h 1e4930
        a INCRBYFLOAT h 1e4932
        a INCRBYFLOAT i -1e4932
        a STRLEN h
        a SET j 1e4000
        a INCRBYFLOAT j 1
        a INCRBYFLOAT l 0.30000000000000004
        a INCRBYFLOAT l 0.1
        a INCRBYFLOAT o 0x1p-3
        a OBJECT ENCODING o"""),
    ("sizes that are refused", """
        a SETRANGE k 536870912 x
        a SETRANGE k 536870911 ""
        a SETRANGE k 9223372036854775807 x
        a SETRANGE k -1 ""
        a SETBIT k 4294967296 1
        a SETBIT k -1 1
        a GETBIT k 4294967295
        a BITFIELD k GET u8 4294967288
        a BITFIELD k GET u8 4294967290
        a BITFIELD k GET u1 #4294967295
        a EXISTS k"""),
]


def exact(context):
    """Encodings, deadlines and limits, without any normalisation."""
    run_scripts(context, [*STORIES, *encodings(), *deadlines()], strict=True)
