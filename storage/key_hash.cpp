#include "storage/key_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvs::storage {

static_assert(XXH3_SECRET_SIZE_MIN <= 192);

key_hasher::key_hasher(std::uint64_t seed) {
  static_assert(sizeof(secret_) == XXH_SECRET_DEFAULT_SIZE);
  XXH3_generateSecret_fromSeed(secret_.data(), seed);
}

key_hash key_hasher::operator()(std::string_view key) const noexcept {
  return XXH3_64bits_withSecret(key.data(), key.size(), secret_.data(),
                                secret_.size());
}

} // namespace kvs::storage
