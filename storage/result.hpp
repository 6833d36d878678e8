#pragma once

#include "storage/error.hpp"

#include <cassert>
#include <utility>
#include <variant>

namespace kvs::storage {

/// Either a value or the reason why there is none. Stands in for
/// std::expected, which C++20 lacks. "Not found" is a value, not an error.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : state_{std::in_place_index<0>, std::move(value)} {
  }
  result(storage::error err) : state_{std::in_place_index<1>, std::move(err)} {
  }

  explicit operator bool() const noexcept {
    return state_.index() == 0;
  }

  /// @pre holds a value
  T& operator*() & {
    assert(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const& {
    assert(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }
  T&& operator*() && {
    assert(state_.index() == 0);
    return std::move(*std::get_if<0>(&state_));
  }
  T* operator->() {
    return &**this;
  }
  const T* operator->() const {
    return &**this;
  }

  /// @pre holds an error
  const storage::error& error() const {
    assert(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }

private:
  std::variant<T, storage::error> state_;
};

/// Success that carries nothing.
struct ok {};

} // namespace kvs::storage
