#include "testing_aws/memory_objects.hpp"

#include "support/hash.hpp"

namespace fanfold::testing_aws {

std::vector<Result<aws::StoredObject>> MemoryObjects::get(std::span<const aws::ObjectRef> objects) {
  const std::scoped_lock lock(mutex_);
  std::vector<Result<aws::StoredObject>> answers;
  for (const aws::ObjectRef& object : objects) {
    ++get_count_;
    const auto found = objects_.find({object.bucket, object.key});
    if (found == objects_.end()) {
      answers.emplace_back(Error{ErrorCode::not_found, "the bucket has no such object", {}});
    } else {
      answers.emplace_back(found->second);
    }
  }
  return answers;
}

Result<std::string> MemoryObjects::put(const aws::PutObject& object) {
  const std::scoped_lock lock(mutex_);
  ++put_count_;
  const Key key{object.where.bucket, object.where.key};
  const auto found = objects_.find(key);
  if (object.if_absent && found != objects_.end()) return Error{ErrorCode::conflict, "an object is there", {}};
  if (!object.if_match.empty()) {
    if (found == objects_.end()) return Error{ErrorCode::not_found, "the bucket has no such object", {}};
    if (found->second.etag != object.if_match) return Error{ErrorCode::conflict, "another version is there", {}};
  }
  aws::StoredObject stored{object.body, "\"" + digest_text(object.body) + "\"", object.metadata};
  std::string etag = stored.etag;
  objects_.insert_or_assign(key, std::move(stored));
  return etag;
}

Result<void> MemoryObjects::remove(const aws::ObjectRef& object) {
  const std::scoped_lock lock(mutex_);
  objects_.erase({object.bucket, object.key});
  return {};
}

std::size_t MemoryObjects::object_count() const {
  const std::scoped_lock lock(mutex_);
  return objects_.size();
}

std::uint64_t MemoryObjects::put_count() const {
  const std::scoped_lock lock(mutex_);
  return put_count_;
}

std::uint64_t MemoryObjects::get_count() const {
  const std::scoped_lock lock(mutex_);
  return get_count_;
}

}  // namespace fanfold::testing_aws
