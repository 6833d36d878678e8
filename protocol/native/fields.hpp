// Names the fields of every message in the order of the wire, once for all
// archives.

#pragma once

#include "protocol/replies.hpp"
#include "protocol/requests.hpp"

#include <concepts>
#include <type_traits>

namespace kvs::protocol::native {

// An archive is called with fields and reads, writes or measures them. The
// functions are not called `serialize`: cereal's name beside a message would
// make CAF believe that the message may cross a process boundary.

/// Holds for `M` and `const M`: writing takes the message const.
template <class T, class M>
concept same_message = std::same_as<std::remove_const_t<T>, M>;

template <class Archive, same_message<hello> M>
void fields(Archive& ar, M& m) {
  ar(m.version, m.features, m.name);
}

template <class Archive, same_message<ping> M>
void fields(Archive& ar, M& m) {
  ar(m.payload);
}

template <class Archive, same_message<get> M>
void fields(Archive& ar, M& m) {
  ar(m.key);
}

template <class Archive, same_message<multi_get> M>
void fields(Archive& ar, M& m) {
  ar(m.keys);
}

template <class Archive, same_message<put> M>
void fields(Archive& ar, M& m) {
  ar(m.key, m.condition, m.expected_version, m.expiry_ms, m.value);
}

template <class Archive, same_message<erase> M>
void fields(Archive& ar, M& m) {
  ar(m.key, m.expected_version);
}

template <class Archive, same_message<exists> M>
void fields(Archive& ar, M& m) {
  ar(m.key);
}

template <class Archive, same_message<increment> M>
void fields(Archive& ar, M& m) {
  ar(m.key, m.delta);
}

template <class Archive, same_message<append> M>
void fields(Archive& ar, M& m) {
  ar(m.key, m.value);
}

template <class Archive, same_message<touch> M>
void fields(Archive& ar, M& m) {
  ar(m.key, m.ttl_ms);
}

template <class Archive, same_message<persist> M>
void fields(Archive& ar, M& m) {
  ar(m.key);
}

template <class Archive, same_message<operation> M>
void fields(Archive& ar, M& m) {
  ar(m.kind, m.key, m.expiry_ms, m.value);
}

template <class Archive, same_message<batch> M>
void fields(Archive& ar, M& m) {
  ar(m.operations);
}

template <class Archive, same_message<observed_key> M>
void fields(Archive& ar, M& m) {
  ar(m.key, m.version);
}

template <class Archive, same_message<transact> M>
void fields(Archive& ar, M& m) {
  ar(m.reads, m.writes);
}

template <class Archive, same_message<scan> M>
void fields(Archive& ar, M& m) {
  ar(m.cursor, m.count_hint, m.prefix);
}

/// The requests that say everything by their type.
template <class T>
concept bare_request
  = same_message<T, count> || same_message<T, stats> || same_message<
    T, sync> || same_message<T, compact> || same_message<T, flush>;

template <class Archive, bare_request M>
void fields(Archive&, M&) {
}

template <class Archive, same_message<backup> M>
void fields(Archive& ar, M& m) {
  ar(m.to, m.earlier, m.copies);
}

template <class Archive, same_message<hello_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.version, m.features, m.node_name, m.node_version, m.key_bytes_max,
     m.value_bytes_max, m.frame_bytes_max, m.batch_operations_max);
}

template <class Archive, same_message<pong> M>
void fields(Archive& ar, M& m) {
  ar(m.payload);
}

template <class Archive, same_message<value_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.found, m.version, m.ttl_ms, m.value);
}

template <class Archive, same_message<values_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.values);
}

template <class Archive, same_message<write_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.applied, m.version, m.durable_version);
}

template <class Archive, same_message<erase_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.existed, m.applied, m.version, m.durable_version);
}

template <class Archive, same_message<exists_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.found, m.version, m.ttl_ms);
}

template <class Archive, same_message<increment_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.value, m.version, m.durable_version);
}

template <class Archive, same_message<append_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.value_bytes, m.version, m.durable_version);
}

template <class Archive, same_message<scan_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.next_cursor, m.keys);
}

template <class Archive, same_message<count_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.key_count);
}

template <class Archive, same_message<named_figure> M>
void fields(Archive& ar, M& m) {
  ar(m.name, m.value);
}

template <class Archive, same_message<stats_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.figures);
}

template <class Archive, same_message<sync_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.durable_version);
}

template <class Archive, same_message<compact_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.segments_rewritten, m.bytes_before, m.bytes_after);
}

template <class Archive, same_message<backup_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.segments, m.bytes, m.kept, m.linked, m.copied, m.copied_bytes,
     m.version);
}

template <class Archive, same_message<error_reply> M>
void fields(Archive& ar, M& m) {
  ar(m.code, m.message, m.request_type);
}

} // namespace kvs::protocol::native
