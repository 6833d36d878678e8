"""What tests share that talk to one node by the wire protocol."""

import unittest

from . import wire
from .node import Node


class WireTestCase(unittest.TestCase):
    """One node for all tests of a class, emptied before each."""

    @classmethod
    def setUpClass(cls):
        cls.node = Node("--sync", "none")
        cls.addClassCleanup(cls.node.__exit__)
        cls.node.start()

    def setUp(self):
        self.connection = self.node.connect()
        self.addCleanup(self.connection.close)
        self.ask(wire.frame(wire.FLUSH))

    def ask(self, request):
        return self.connection.ask(request)

    def assert_error(self, answer, status):
        self.assertIsInstance(answer, wire.Error)
        self.assertEqual(answer.status, status, answer.message)
        self.assertTrue(answer.message)

    def write(self, request):
        """A write that must be applied; its version."""
        done = self.ask(request)
        self.assertIsInstance(done, wire.Write, done)
        self.assertTrue(done.applied)
        return done.version
