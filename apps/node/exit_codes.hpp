// Exit codes of kvs-node, as in sysexits.h and docs/operations.md.

#pragma once

namespace kvs::apps {

inline constexpr int exit_ok = 0;
/// salvage: the new store lacks something that did not verify.
inline constexpr int exit_incomplete = 1;
/// Wrong options.
inline constexpr int exit_usage = 64;
/// verify, salvage: there is no store.
inline constexpr int exit_no_input = 66;
/// The address cannot be bound.
inline constexpr int exit_unavailable = 69;
/// A defect: an actor died.
inline constexpr int exit_software = 70;
/// The directory cannot be created, or another node holds it.
inline constexpr int exit_cannot_create = 73;
/// I/O error, or damaged data.
inline constexpr int exit_io = 74;

} // namespace kvs::apps
