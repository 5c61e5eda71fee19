#include <fanfold/backends/sqlite.hpp>

namespace fanfold::sqlite {

Result<Client> open(const Options& options) {
  auto backend = open_backend(options);
  if (!backend) return std::move(backend).error();
  return make_client(std::move(*backend));
}

}  // namespace fanfold::sqlite
