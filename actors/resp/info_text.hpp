/// The text of INFO: pure, no actor.
#pragma once

#include "actors/resp/client_registry.hpp"
#include "actors/resp/listener.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kvs::actors::resp {

/// What INFO tells of.
struct info_facts {
  session_services services;
  std::string clients_max;
  process_figures process;
  /// By name.
  std::map<std::string, std::string> store;
  clients_described clients;
  /// Channels and patterns that have subscribers.
  std::uint64_t channels = 0;
  std::uint64_t patterns = 0;
  /// Microseconds since 1970.
  std::int64_t now_us = 0;
};

/// The sections that are named in small letters; none: those that Redis shows
/// then. Fields that mean nothing here have the value that Redis gives them
/// when there is no such thing.
std::string info_text(const std::vector<std::string>& wanted,
                      const info_facts& facts);

} // namespace kvs::actors::resp
