import Foundation
import MartletSimulation

// `checkout-trace --seed N`: orders through all services under one seed, and what came of them as JSON.
do {
    try DeterministicHashing.adopt()
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 2, arguments.first == "--seed", let seed = arguments.last.flatMap(UInt64.init) else {
        FileHandle.standardError.write(Data("usage: checkout-trace --seed N\n".utf8))
        exit(64)
    }
    FileHandle.standardOutput.write(try CheckoutTrace.run(seed: seed).json())
} catch {
    FileHandle.standardError.write(Data("checkout-trace: \(error)\n".utf8))
    exit(1)
}
