#include "storage/key_hash.hpp"

#include <cassert>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvs::storage {

static_assert(XXH3_SECRET_SIZE_MIN <= 192);

key_hasher::key_hasher(std::uint64_t seed, unsigned hash_bits)
  : mask_{~key_hash{0} << (64 - hash_bits)} {
  assert(hash_bits >= 1 && hash_bits <= 64);
  static_assert(sizeof(secret_) == XXH_SECRET_DEFAULT_SIZE);
  XXH3_generateSecret_fromSeed(secret_.data(), seed);
}

key_hash key_hasher::operator()(std::string_view key) const noexcept {
  return XXH3_64bits_withSecret(key.data(), key.size(), secret_.data(),
                                secret_.size())
         & mask_;
}

key_fingerprint key_hasher::fingerprint(std::string_view key) const noexcept {
  const XXH128_hash_t wide = XXH3_128bits_withSecret(
    key.data(), key.size(), secret_.data(), secret_.size());
  return {(*this)(key), wide.high64};
}

} // namespace kvs::storage
