#include "backends/aws/global_store.hpp"

#include "support/identifier.hpp"
#include "support/mutant.hpp"

#include <algorithm>

namespace fanfold::aws {
namespace {

constexpr std::string_view write_ids_name = "fanfold-write-ids";
/// S3 takes 2 KB of metadata, names included.
constexpr std::size_t write_ids_bytes_max = 1'900;
constexpr char separator = ',';

/// 64 random bits as JSON's white space.
std::string unique_space() {
  constexpr std::string_view spaces = " \t\n\r";
  std::string text;
  std::uint64_t bits = random_bits();
  for (int i = 0; i < 32; ++i, bits >>= 2U) text += spaces[bits & 3U];
  return text;
}

std::string join(const std::vector<std::string>& ids) {
  std::string text;
  const std::size_t first = ids.size() - std::min(ids.size(), global_write_id_count_max);
  for (std::size_t i = ids.size(); i > first; --i) {
    if (text.size() + ids[i - 1].size() + 1 > write_ids_bytes_max) break;
    text.insert(0, ids[i - 1] + (text.empty() ? "" : std::string(1, separator)));
  }
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> ids;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) ids.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return ids;
}

}  // namespace

BucketParams AwsGlobalStore::location(std::string_view cluster_id) const {
  return {bucket_, MessageKey::of_message(cluster_id).p_key + "-globals.json"};
}

Result<StoredGlobals> AwsGlobalStore::read(const BucketParams& where) {
  const ObjectRef ref{where.bucket, where.key};
  auto object = std::move(objects_.get(std::span(&ref, 1)).front());
  if (!object && object.error().code == ErrorCode::not_found) {
    return Error{ErrorCode::not_found, "no globals at " + where.key + " of bucket " + where.bucket,
                 std::move(object).error().remote_detail};
  }
  if (!object) return std::move(object).error();
  auto value = Json::parse(object->body);
  if (!value) return std::move(value).error();
  StoredGlobals globals{std::move(*value), std::move(object->etag), {}};
  const auto ids = std::ranges::find(object->metadata, write_ids_name, &std::pair<std::string, std::string>::first);
  if (ids != object->metadata.end()) globals.write_ids = split(ids->second);
  return globals;
}

Result<std::string> AwsGlobalStore::write(const BucketParams& where, const StoredGlobals& globals,
                                          std::string_view expected_version) {
  if (globals.value.text().size() > json_size_bytes_max) {
    return Error{ErrorCode::too_large, "globals have at most " + std::to_string(json_size_bytes_max) + " bytes", {}};
  }
  PutObject object;
  object.where = {where.bucket, where.key};
  object.body = globals.value.text() + unique_space();
  if (!globals.write_ids.empty()) object.metadata.emplace_back(write_ids_name, join(globals.write_ids));
  object.if_absent = expected_version.empty();
  if (!support::mutant("globals_without_if_match")) object.if_match = expected_version;
  auto written = objects_.put(object);
  if (!written && written.error().code == ErrorCode::not_found && !expected_version.empty()) {
    return Error{ErrorCode::conflict, "the globals are gone", {}};
  }
  return written;
}

Result<void> AwsGlobalStore::remove(const BucketParams& where) { return objects_.remove({where.bucket, where.key}); }

}  // namespace fanfold::aws
