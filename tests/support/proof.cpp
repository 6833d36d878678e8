#include "tests/support/proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace kvs::test_support {
namespace {

struct proof_options {
  std::string program;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> step;
};

/// What `main` was told; set before the first test.
proof_options& options() {
  static proof_options told;
  return told;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc{} || stop != end)
    return std::nullopt;
  return number;
}

std::uint64_t percent() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::uint64_t usual = 10;
#else
  constexpr std::uint64_t usual = 100;
#endif
  const char* const told = std::getenv("KVS_PROOF_PERCENT");
  return told == nullptr ? usual : number_in(told).value_or(usual);
}

} // namespace

std::uint64_t amount(std::uint64_t at_commit) {
  return std::max<std::uint64_t>(1, at_commit * percent() / 100);
}

std::optional<std::uint64_t> only_seed() {
  return options().seed;
}

std::optional<std::uint64_t> only_step() {
  return options().step;
}

bool is_wanted(std::uint64_t seed) {
  return options().seed.value_or(seed) == seed;
}

std::string how_to_repeat(std::uint64_t seed) {
  const auto& test = *::testing::UnitTest::GetInstance()->current_test_info();
  return "again: " + options().program
         + " --gtest_filter=" + test.test_suite_name() + "." + test.name()
         + " --seed=" + std::to_string(seed);
}

std::string how_to_repeat(std::uint64_t seed, std::uint64_t step) {
  return how_to_repeat(seed) + " --at=" + std::to_string(step);
}

bool read_proof_options(int& count, char** arguments) {
  options().program = arguments[0];
  int kept = 1;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument{arguments[i]};
    std::optional<std::uint64_t>* target = nullptr;
    if (argument.starts_with("--seed="))
      target = &options().seed;
    else if (argument.starts_with("--at="))
      target = &options().step;
    if (target == nullptr) {
      arguments[kept++] = arguments[i];
      continue;
    }
    *target = number_in(argument.substr(argument.find('=') + 1));
    if (!*target)
      return false;
  }
  count = kept;
  return true;
}

} // namespace kvs::test_support
