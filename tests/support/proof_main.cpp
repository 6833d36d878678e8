#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <cstdio>

/// The main function of programs with `--seed`; see proof.hpp.
int main(int count, char** arguments) {
  ::testing::InitGoogleTest(&count, arguments);
  if (!kvs::test_support::read_proof_options(count, arguments) || count > 1) {
    std::fputs("usage: PROGRAM [--gtest_…] [--seed=N] [--at=N]\n", stderr);
    return 64;
  }
  return RUN_ALL_TESTS();
}
