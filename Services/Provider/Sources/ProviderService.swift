public import MartletContract
import MartletCore
public import MartletHost
public import MartletSQL
import ProviderContract

/// The test provider: a fake external payment provider.
public struct ProviderService: ServiceBlueprint {
    public static let name = "provider"
    public static let migrations = ProviderSchema.migrations + ProviderAuditViews.migrations

    let database: any SQLDatabase
    let time: any TimeSource
    let entropy: any Entropy

    public init(on platform: Platform) {
        database = platform.database
        time = platform.time
        entropy = platform.entropy
    }

    public var handlers: [ServedContract] {
        [.provider(ProviderHandler(database: database, time: time, entropy: entropy))]
    }

    public var jobs: [Job] {
        [
            Job("forget keys", every: .seconds(60)) { [database] in
                for _ in 0..<KeyStore.purgeBatches {
                    let deleted = try await database.transaction("forget keys") { tx in try KeyStore().purge(in: tx) }
                    if deleted < KeyStore.purgeBatch { return }
                }
            }
        ]
    }
}
