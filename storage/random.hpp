#pragma once

#include "storage/record.hpp"

#include <cstdint>

/// Randomness that keeps files apart; nothing secret depends on it but the
/// seed of the key hash.
namespace kvs::storage {

/// From the operating system's generator.
std::uint64_t random_number();

/// A fresh identity for a new segment file.
segment_identity random_identity();

} // namespace kvs::storage
