#pragma once

#include <cstdint>
#include <optional>
#include <string>

/// How much of a proof that draws its cases at random is run, and which of
/// them. Programs that use it are linked with `kvs_proof_main`, whose options
/// are
///
///   --seed=N   only the case with this seed, in every test that is run
///   --at=N     only this step of it
///
/// and `KVS_PROOF_PERCENT` says how much there is to do: 100 is what every
/// commit has to pass, `./dev test --deep` asks for more. With AddressSanitizer
/// the default is 10.
namespace kvs::test_support {

/// How many of the cases that a commit has to pass are run now; at least one.
std::uint64_t amount(std::uint64_t at_commit);

std::optional<std::uint64_t> only_seed();
std::optional<std::uint64_t> only_step();

/// Whether the case with this seed is to be run; without `--seed` all are.
bool is_wanted(std::uint64_t seed);

/// The command that runs a failed case of the current test again.
std::string how_to_repeat(std::uint64_t seed);
std::string how_to_repeat(std::uint64_t seed, std::uint64_t step);

/// Reads and removes the options above. False: one makes no sense.
bool read_proof_options(int& count, char** arguments);

} // namespace kvs::test_support
