#pragma once

#include "storage/index.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <string>

/// One partition of an index: private to index.cpp.
namespace kvs::storage {

/// A key as the map owns it, with its hash, so that growth need not compute
/// it again.
struct stored_key {
  key_hash hash = 0;
  std::string bytes;
};

/// A key to look for.
struct wanted_key {
  key_hash hash = 0;
  std::string_view bytes;
};

/// All keys of a partition share their first bits, so the map has to mix the
/// hash once more; it does, because this hash does not claim to be mixed.
struct stored_hash {
  using is_transparent = void;
  std::size_t operator()(const stored_key& key) const noexcept {
    return key.hash;
  }
  std::size_t operator()(const wanted_key& key) const noexcept {
    return key.hash;
  }
};

struct same_bytes {
  using is_transparent = void;
  bool operator()(const stored_key& a, const stored_key& b) const noexcept {
    return a.bytes == b.bytes;
  }
  bool operator()(const wanted_key& a, const stored_key& b) const noexcept {
    return a.bytes == b.bytes;
  }
  bool operator()(const stored_key& a, const wanted_key& b) const noexcept {
    return a.bytes == b.bytes;
  }
};

using partition_map
  = boost::unordered_flat_map<stored_key, index_entry, stored_hash, same_bytes>;

static_assert(sizeof(partition_map) <= 64,
              "an empty index has 65,536 of these");

} // namespace kvs::storage
