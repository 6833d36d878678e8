// Reads and writes the messages of the protocol with cereal itself.

#pragma once

#include "protocol/native/fields.hpp"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/common.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include <deque>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kvs::protocol::test {

/// Owns the texts that decoded views point to.
inline std::string_view keep(std::string text) {
  static std::deque<std::string> kept;
  return kept.emplace_back(std::move(text));
}

template <class T>
struct cereal_twin;

/// What cereal stores in place of a field of type `T`: owning strings for
/// views, vectors of twins for vectors of messages, all else as it is.
template <class T>
struct twin_of {
  using type = T;
  static const T& to(const T& value) {
    return value;
  }
  static T from(T twin) {
    return twin;
  }
};

template <>
struct twin_of<std::string_view> {
  using type = std::string;
  static std::string to(std::string_view value) {
    return std::string{value};
  }
  static std::string_view from(std::string twin) {
    return keep(std::move(twin));
  }
};

template <class T>
requires std::is_aggregate_v<T>
struct twin_of<T> {
  using type = cereal_twin<T>;
  static cereal_twin<T> to(const T& value) {
    return {value};
  }
  static T from(cereal_twin<T> twin) {
    return twin.message;
  }
};

template <class T>
struct twin_of<std::vector<T>> {
  using type = std::vector<typename twin_of<T>::type>;
  static type to(const std::vector<T>& values) {
    type twins;
    for (const T& value : values)
      twins.push_back(twin_of<T>::to(value));
    return twins;
  }
  static std::vector<T> from(type twins) {
    std::vector<T> values;
    for (auto& twin : twins)
      values.push_back(twin_of<T>::from(std::move(twin)));
    return values;
  }
};

/// A message in the form that cereal knows how to store.
template <class T>
struct cereal_twin {
  T message{};

  template <class Archive>
  void save(Archive& ar) const {
    auto write = [&](const auto&... f) {
      (ar(twin_of<std::remove_cvref_t<decltype(f)>>::to(f)), ...);
    };
    native::fields(write, message);
  }

  template <class Archive>
  void load(Archive& ar) {
    auto read_one = [&]<class F>(F& field) {
      typename twin_of<F>::type twin;
      ar(twin);
      field = twin_of<F>::from(std::move(twin));
    };
    auto read = [&](auto&... f) { (read_one(f), ...); };
    native::fields(read, message);
  }
};

template <class T>
std::string cereal_bytes(const T& message) {
  std::ostringstream out;
  cereal::PortableBinaryOutputArchive ar{out};
  ar(cereal_twin<T>{message});
  return out.str();
}

/// Throws what cereal throws.
template <class T>
T from_cereal_bytes(std::string_view bytes) {
  std::istringstream in{std::string{bytes}};
  cereal::PortableBinaryInputArchive ar{in};
  cereal_twin<T> twin;
  ar(twin);
  return twin.message;
}

} // namespace kvs::protocol::test
