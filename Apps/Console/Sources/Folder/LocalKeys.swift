import Foundation
package import MartletCore
import MartletHost
package import MartletSecurity

/// The development issuer of a data folder.
package struct LocalKeys: Sendable {
    private static let algorithm = TokenKey.Algorithm.edDSA

    package let folder: DataFolder
    package let time: any TimeSource

    package init(folder: DataFolder, time: any TimeSource) {
        self.folder = folder
        self.time = time
    }

    /// The issuer; its keys are generated when there are none.
    package func issuer() async throws -> LocalIssuer {
        do {
            try folder.make()
            return try await LocalIssuer(folder: folder.keys, algorithm: Self.algorithm, time: time)
        } catch {
            throw CommandFailure("the keys in \(folder.keys) cannot be used: \(ErrorText.plain(error))")
        }
    }

    /// The issuer with existing keys, for commands beside the owner of the folder.
    ///
    /// - Throws: ``CommandFailure`` when no system was ever started on this folder.
    package func existingIssuer() async throws -> LocalIssuer {
        try folder.requireOwn()
        guard FileManager.default.fileExists(atPath: LocalIssuer.keySetPath(in: folder.keys)) else {
            throw CommandFailure(
                "\(folder.path) has no keys: start a \(Topology.systemName) with `martlet up`, or name its folder with --data",
                status: CommandStatus.notRunning
            )
        }
        do {
            return try LocalIssuer(existingIn: folder.keys, time: time)
        } catch {
            throw CommandFailure("the keys in \(folder.keys) cannot be used: \(ErrorText.plain(error))")
        }
    }

    /// Replaces the key that signs, for the owner of the folder.
    package func rotator() -> KeyRotator { KeyRotator(folder: folder.keys, algorithm: Self.algorithm, time: time) }
}
