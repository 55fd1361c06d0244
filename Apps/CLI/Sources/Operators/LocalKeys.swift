import Foundation
import MartletCore
import MartletSecurity

/// The development issuer of a data folder.
struct LocalKeys: Sendable {
    let folder: DataFolder
    let time: any TimeSource
    let entropy: any Entropy

    /// The issuer; its keys are generated when there are none.
    func issuer() async throws -> LocalIssuer {
        do {
            try folder.make()
            return try await LocalIssuer(folder: folder.keys, algorithm: .edDSA, time: time, entropy: entropy)
        } catch {
            throw CommandFailure("the keys in \(folder.keys) cannot be used: \(error)")
        }
    }

    /// The issuer with existing keys.
    ///
    /// - Throws: ``CommandFailure`` when no system was ever started on this folder.
    func existingIssuer() async throws -> LocalIssuer {
        guard FileManager.default.fileExists(atPath: LocalIssuer.keySetPath(in: folder.keys)) else {
            throw CommandFailure(
                "\(folder.path) has no keys: start a \(Topology.systemName) with `martlet up`, or name its folder with --data",
                status: ExitStatus.notRunning
            )
        }
        return try await issuer()
    }
}
