#include "backends/aws/pointer.hpp"

#include <fanfold/detail/json_reader.hpp>
#include <fanfold/detail/json_writer.hpp>

namespace fanfold::aws {
namespace {

constexpr std::string_view pointer_class = "software.amazon.payloadoffloading.PayloadS3Pointer";
constexpr std::string_view older_pointer_class = "com.amazon.sqs.javamessaging.MessageS3Pointer";
constexpr std::string_view bucket_marker = "-..s3BucketName..-";
constexpr std::string_view key_marker = "-..s3Key..-";

/// Takes what stands between two markers off the beginning of the text.
std::optional<std::string> take_between(std::string_view& text, std::string_view marker) {
  if (!text.starts_with(marker)) return std::nullopt;
  const std::size_t end = text.find(marker, marker.size());
  if (end == std::string_view::npos) return std::nullopt;
  std::string inside(text.substr(marker.size(), end - marker.size()));
  text.remove_prefix(end + marker.size());
  return inside;
}

}  // namespace

std::string write_pointer(const ObjectRef& object) {
  std::string text;
  detail::JsonWriter out(text);
  out.begin_array();
  out.plain_string(pointer_class);
  out.begin_object();
  out.plain_key("s3BucketName");
  out.string(object.bucket);
  out.plain_key("s3Key");
  out.string(object.key);
  out.end_object();
  out.end_array();
  return text;
}

std::optional<ObjectRef> read_pointer(std::string_view text) {
  detail::JsonDocument document;
  if (!document.read(text).has_value()) return std::nullopt;
  const detail::JsonValue root = document.root();
  if (root.kind() != detail::JsonKind::array || root.size() != 2) return std::nullopt;
  auto element = root.elements().begin();
  const detail::JsonValue name = *element;
  const detail::JsonValue where = *++element;
  const bool is_pointer = name.kind() == detail::JsonKind::string &&
                          (name.string() == pointer_class || name.string() == older_pointer_class);
  if (!is_pointer || where.kind() != detail::JsonKind::object) return std::nullopt;
  ObjectRef object{text_of(where, "s3BucketName"), text_of(where, "s3Key")};
  if (object.bucket.empty() || object.key.empty()) return std::nullopt;
  return object;
}

std::string receipt_with_object(std::string_view receipt, const ObjectRef& object) {
  std::string text;
  for (const auto& [marker, value] : {std::pair(bucket_marker, &object.bucket), std::pair(key_marker, &object.key)}) {
    text.append(marker).append(*value).append(marker);
  }
  return text.append(receipt);
}

SplitReceipt split_receipt(std::string_view text) {
  std::string_view rest = text;
  auto bucket = take_between(rest, bucket_marker);
  auto key = bucket ? take_between(rest, key_marker) : std::nullopt;
  if (!key) return {text, std::nullopt};
  return {rest, ObjectRef{std::move(*bucket), std::move(*key)}};
}

}  // namespace fanfold::aws
