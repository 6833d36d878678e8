/// How a READER looks at records that the index found: plain calls that wait
/// for the disk.
#pragma once

#include "actors/reader.hpp"

namespace kvs::actors {

record_found search_record(const find_record& request);
heads_read search_heads(const read_heads& request);

} // namespace kvs::actors
