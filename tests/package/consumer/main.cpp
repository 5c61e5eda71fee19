#include <fanfold/codec.hpp>
#include <fanfold/version.hpp>

#include <iostream>

// A stranger's program against the installed package.
int main() {
  const auto json = fanfold::Json::from_valid_text("[1]");
  std::cout << "fanfold " << fanfold::version() << ' ' << json.text() << '\n';
  return fanfold::Codec<fanfold::Json>::decode(json).value() == json ? 0 : 1;
}
