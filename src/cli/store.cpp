#include "cli/store.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace fanfold::cli {

Result<sqlite::Options> embedded_store(const CommonOptions& options, StoreUse use) {
  if (options.store == "aws") {
    return Error{
        ErrorCode::invalid_argument, "--store aws: this build has no AWS engine; give a file for the embedded one", {}};
  }
  if (options.store.empty()) return Error{ErrorCode::invalid_argument, "--store: the name of a file is missing", {}};
  std::error_code unused;
  if (use != StoreUse::create && !std::filesystem::exists(options.store, unused)) {
    return Error{ErrorCode::not_found,
                 fmt::format("there is no store at '{}' (--store or FANFOLD_STORE names another)", options.store),
                 {}};
  }
  sqlite::Options embedded;
  embedded.file = options.store;
  embedded.durability = options.durability == "normal" ? sqlite::Durability::normal : sqlite::Durability::full;
  embedded.read_only = use == StoreUse::read;
  return embedded;
}

Result<Client> open_store(const CommonOptions& options, StoreUse use) {
  auto embedded = embedded_store(options, use);
  if (!embedded) return std::move(embedded).error();
  auto client = sqlite::open(*embedded);
  if (!client && client.error().message.find(options.store) == std::string::npos) {
    Error error = client.error();
    error.message = fmt::format("{}: {}", options.store, error.message);
    return error;
  }
  return client;
}

}  // namespace fanfold::cli
