#include <fanfold/open.hpp>

#include <fanfold/backends/sqlite.hpp>
#ifdef FANFOLD_AWS
#include <fanfold/backends/aws.hpp>
#endif

#include <cstdlib>

namespace fanfold {

Result<Client> open(std::string_view store_default) {
  const char* const named = std::getenv("FANFOLD_STORE");  // NOLINT(concurrency-mt-unsafe): nobody changes it.
  const std::string_view store = named != nullptr && *named != '\0' ? std::string_view(named) : store_default;
  if (store.empty()) return Error{ErrorCode::invalid_argument, "store: the name of a file is missing", {}};
  if (store != "aws") return sqlite::open({.file = store});
#ifdef FANFOLD_AWS
  return aws::open();
#else
  return Error{
      ErrorCode::invalid_argument, "store: this build has no AWS engine; name a file for the embedded one", {}};
#endif
}

}  // namespace fanfold
