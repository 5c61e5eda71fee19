#ifdef FANFOLD_AWS

#include <fanfold/backends/aws.hpp>

namespace fanfold::aws {

Result<Client> open(const Options& options) {
  auto backend = open_backend(options);
  if (!backend) return std::move(backend).error();
  return make_client(std::move(*backend));
}

}  // namespace fanfold::aws

#endif
