#include "backends/aws/behaviour.hpp"

#include "testing_aws/memory_objects.hpp"
#include "testing_aws/memory_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanfold::aws {
namespace {

using ::testing::HasSubstr;

/// What a server of somebody's may get wrong.
struct Neglect {
  bool if_none_match = false;
  bool if_match = false;
  bool metadata = false;
  bool knows_conditions = true;
};

class CarelessObjects final : public ObjectStore {
 public:
  explicit CarelessObjects(Neglect neglect) : neglect_(neglect) {}

  std::vector<Result<StoredObject>> get(std::span<const ObjectRef> objects) override {
    auto answers = kept.get(objects);
    for (auto& answer : answers) {
      if (answer && neglect_.metadata) answer->metadata.clear();
    }
    return answers;
  }
  Result<std::string> put(const PutObject& object) override {
    PutObject changed = object;
    if (!neglect_.knows_conditions && (object.if_absent || !object.if_match.empty()))
      return Error{ErrorCode::invalid_argument, "PutObject: the server does not have this operation", {}};
    if (neglect_.if_none_match) changed.if_absent = false;
    if (neglect_.if_match) changed.if_match.clear();
    return kept.put(changed);
  }
  Result<void> remove(const ObjectRef& object) override { return kept.remove(object); }

  testing_aws::MemoryObjects kept;

 private:
  Neglect neglect_;
};

class CarelessTable final : public Table {
 public:
  explicit CarelessTable(bool forgets_conditions) : forgets_conditions_(forgets_conditions) {}

  std::vector<Result<WriteAnswer>> update(std::span<const UpdateRequest> requests) override {
    std::vector<UpdateRequest> changed(requests.begin(), requests.end());
    for (UpdateRequest& request : changed) {
      if (forgets_conditions_) request.condition.clear();
    }
    return kept.update(changed);
  }
  std::vector<Result<WriteAnswer>> put(std::span<const PutRequest> requests) override {
    return kept.put(without_conditions(requests));
  }
  std::vector<Result<QueryAnswer>> query(std::span<const QueryRequest> requests) override {
    return kept.query(requests);
  }
  Result<std::optional<Item>> get(const ItemKey& key, Consistency consistency) override {
    return kept.get(key, consistency);
  }
  Result<BatchGetAnswer> batch_get(std::span<const ItemKey> keys, Consistency consistency) override {
    return kept.batch_get(keys, consistency);
  }
  Result<BatchWriteRequest> batch_write(const BatchWriteRequest& request) override { return kept.batch_write(request); }
  /// Writes one after the other, up to the first that is refused.
  Result<TransactAnswer> transact(std::span<const PutRequest> puts) override {
    for (const auto& written : kept.put(without_conditions(puts))) {
      if (!written) return written.error();
      if (written->refused) return TransactAnswer{.refused = true};
    }
    return TransactAnswer{};
  }

  testing_aws::MemoryTable kept;

 private:
  [[nodiscard]] std::vector<PutRequest> without_conditions(std::span<const PutRequest> requests) const {
    std::vector<PutRequest> changed(requests.begin(), requests.end());
    for (PutRequest& request : changed) {
      if (forgets_conditions_) request.condition.clear();
    }
    return changed;
  }

  bool forgets_conditions_;
};

constexpr Time now{std::chrono::hours{500'000}};

TEST(Behaviour, OfAStoreAsDocumentedHasNoFlawAndNothingIsLeftThere) {
  testing_aws::MemoryObjects objects;
  testing_aws::MemoryTable table;
  EXPECT_EQ(try_conditional_objects(objects, "bucket").value(), "");
  EXPECT_EQ(try_metadata(objects, "bucket").value(), "");
  EXPECT_EQ(try_conditional_items(table, now).value(), "");
  EXPECT_EQ(try_transactions(table, now).value(), "");
  EXPECT_EQ(objects.object_count(), 0U);
  EXPECT_TRUE(table.items().empty());
}

TEST(Behaviour, ABucketThatIgnoresConditionsIsFoundOut) {
  CarelessObjects ignores_absence({.if_none_match = true});
  EXPECT_THAT(try_conditional_objects(ignores_absence, "bucket").value(), HasSubstr("If-None-Match"));
  EXPECT_EQ(ignores_absence.kept.object_count(), 0U);
  CarelessObjects ignores_version({.if_match = true});
  EXPECT_THAT(try_conditional_objects(ignores_version, "bucket").value(), HasSubstr("If-Match"));
  CarelessObjects refuses({.knows_conditions = false});
  EXPECT_EQ(try_conditional_objects(refuses, "bucket").error().code, ErrorCode::invalid_argument);
}

TEST(Behaviour, ABucketThatDropsMetadataIsFoundOut) {
  CarelessObjects objects({.metadata = true});
  EXPECT_EQ(try_metadata(objects, "bucket").value(), "it keeps no metadata of objects");
  EXPECT_EQ(objects.kept.object_count(), 0U);
}

TEST(Behaviour, ATableThatIgnoresConditionsIsFoundOut) {
  CarelessTable table(true);
  EXPECT_THAT(try_conditional_items(table, now).value(), HasSubstr("overwrites an item"));
  EXPECT_THAT(try_transactions(table, now).value(), HasSubstr("in spite of a condition"));
  EXPECT_TRUE(table.kept.items().empty());
}

TEST(Behaviour, ATransactionThatIsWrittenInPartIsFoundOut) {
  CarelessTable table(false);
  EXPECT_THAT(try_transactions(table, now).value(), HasSubstr("a part of a transaction"));
}

TEST(Behaviour, AStoreThatCannotBeReachedIsNoFlaw) {
  testing_aws::MemoryTable table({.hook = [](std::string_view, testing_aws::CallPhase) -> std::optional<Error> {
    return Error{ErrorCode::unavailable, "gone", {}};
  }});
  EXPECT_EQ(try_conditional_items(table, now).error().code, ErrorCode::unavailable);
  EXPECT_EQ(try_transactions(table, now).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace fanfold::aws
