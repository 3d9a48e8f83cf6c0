//===- Reader.h - What the readers of data share ----------------*- C++ -*-===//
//
// Part of AccOpt, private to lib/Data. A reader turns one form of data into
// parts; loadData then splits, scales, checks and hashes them in the same way
// for all.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DATA_READER_H
#define ACCOPT_LIB_DATA_READER_H

#include "accopt/Data/Dataset.h"

#include <optional>

namespace accopt {

/// `--data=KIND:PATH{options}`, taken apart. Options that are absent keep
/// DataOptions' values or the reader's.
struct DataSpec {
  enum class Kind { Npz, Digits, Cifar10, Mnist, Folder };
  Kind kind = Kind::Npz;
  std::string path;         ///< empty for digits
  std::vector<double> mean; ///< one number, or one for each channel
  std::vector<double> deviation;
  std::optional<double> scale; ///< of the values, in place of 1 or 1/255
  std::optional<double> validationShare, testShare;
  std::optional<uint64_t> splitSeed;
  bool channelsLast = false; ///< samples are H x W x C
};

llvm::Expected<DataSpec> parseDataSpec(llvm::StringRef text);

/// A part with the file (and array or folder) that errors name.
struct DataPart {
  std::string source;
  std::string labelSource; ///< of what stands apart; empty: `source`
  Dataset samples;

  llvm::StringRef labelsFrom() const {
    return labelSource.empty() ? source : labelSource;
  }
};

struct DataParts {
  std::string name;
  DataPart train;
  std::optional<DataPart> validation, test;
};

/// All readers give values times `spec.scale`; bytes are taken as [0, 255] and
/// give [0, 1] without it.
llvm::Expected<DataParts> readNpzParts(const DataSpec &spec);
llvm::Expected<DataParts> readCifar10Parts(const DataSpec &spec);
llvm::Expected<DataParts> readMnistParts(const DataSpec &spec);
/// Scales the images to `sampleShape` (C x H x W), or, if that is empty, to the
/// size of the first image with three channels.
llvm::Expected<DataParts> readFolderParts(const DataSpec &spec,
                                          llvm::ArrayRef<int64_t> sampleShape);
/// Where digits.npz is.
llvm::Expected<std::string> findDigits();

/// Takes `share` of `samples` away, at random and of every class in
/// proportion (largest remainders); both keep the order of the samples. Fails
/// if one of the two would be empty.
llvm::Expected<Dataset> takeShare(Dataset &samples, double share, uint64_t seed,
                                  uint64_t purpose, llvm::StringRef source);

/// "3 x 32 x 32"; "a number" for an empty shape.
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// Appends bytes as values.
void appendBytes(std::vector<float> &values, llvm::ArrayRef<uint8_t> bytes,
                 std::optional<double> scale);

} // namespace accopt

#endif // ACCOPT_LIB_DATA_READER_H
