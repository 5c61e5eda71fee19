#pragma once

#include "backends/aws/object_store.hpp"

#include <optional>

/// Bodies that are kept in a bucket, in the form of the extended clients for SQS.
namespace fanfold::aws {

/// `["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"…","s3Key":"…"}]`
[[nodiscard]] std::string write_pointer(const ObjectRef& object);
/// Empty where the text is no pointer. White space, and the older class name, are accepted as other clients write them.
[[nodiscard]] std::optional<ObjectRef> read_pointer(std::string_view text);

/// A receipt that names the object to be deleted after its message, as those clients write it.
[[nodiscard]] std::string receipt_with_object(std::string_view receipt, const ObjectRef& object);
struct SplitReceipt {
  std::string_view receipt{};
  std::optional<ObjectRef> object{};
};
/// The view is into `text`.
[[nodiscard]] SplitReceipt split_receipt(std::string_view text);

}  // namespace fanfold::aws
