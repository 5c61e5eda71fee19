#include "backends/sqlite/header_codec.hpp"
#include "backends/sqlite/store.hpp"
#include "support/identifier.hpp"

#include <array>
#include <charconv>

namespace fanfold::sqlite {

namespace {

constexpr std::size_t globals_bytes_max = 64 * 1024 * 1024;

/// Never used twice, also where an object was removed and made anew.
std::string new_version() {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), random_bits(), 16).ptr;
  return {digits.data(), end};
}

class SqliteGlobalStore final : public GlobalStore {
 public:
  explicit SqliteGlobalStore(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  BucketParams location(std::string_view cluster_id) const override {
    return {"sqlite", std::string(key_prefix).append(cluster_id).append("-globals.json")};
  }

  Result<StoredGlobals> read(const BucketParams& where) override {
    // What is told here may settle an update whose own commit was not confirmed: only what is synced counts.
    return store_->read_settled([&](Connection& connection) -> Result<StoredGlobals> {
      Rows rows(connection, "SELECT value, version, write_ids FROM globals WHERE key = ?", where.key);
      if (!rows.next()) return Error{ErrorCode::not_found, "no globals at " + where.key, {}};
      return StoredGlobals{Json::from_valid_text(rows.text(0)), rows.text(1), decode_texts(rows.bytes(2))};
    });
  }

  Result<std::string> write(const BucketParams& where, const StoredGlobals& globals,
                            std::string_view expected_version) override {
    if (globals.value.text().size() > globals_bytes_max)
      return Error{ErrorCode::too_large, "globals hold at most 64 MiB", {}};
    std::vector<std::string> ids = globals.write_ids;
    if (ids.size() > global_write_id_count_max)
      ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(global_write_id_count_max));
    const std::string id_bytes = encode_texts(ids);
    return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<std::string> {
      std::string version;
      {
        Rows rows(transaction.connection(), "SELECT version FROM globals WHERE key = ?", where.key);
        if (rows.next()) version = rows.text(0);
      }
      if (version != expected_version) return Error{ErrorCode::conflict, "the globals have another version", {}};
      version = new_version();
      execute(transaction.connection(),
              "INSERT INTO globals (key, version, write_ids, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
              "version = excluded.version, write_ids = excluded.write_ids, value = excluded.value",
              where.key, version, Blob{id_bytes}, globals.value.text());
      return version;
    });
  }

  Result<void> remove(const BucketParams& where) override {
    return store_->write(Sync::needed, [&](Transaction& transaction) -> Result<void> {
      execute(transaction.connection(), "DELETE FROM globals WHERE key = ?", where.key);
      return {};
    });
  }

 private:
  std::shared_ptr<Store> store_;  // Shared with the other ports of this store.
};

}  // namespace

std::unique_ptr<GlobalStore> make_global_store(std::shared_ptr<Store> store) {
  return std::make_unique<SqliteGlobalStore>(std::move(store));
}

}  // namespace fanfold::sqlite
