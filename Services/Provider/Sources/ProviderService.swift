public import MartletContract
import MartletCore
public import MartletHost
public import MartletSQL
import ProviderContract

/// The test provider: a fake external payment provider.
public struct ProviderService: ServiceBlueprint {
    public static let name = "provider"
    public static let migrations = ProviderSchema.migrations + ProviderAuditViews.migrations

    public static let retentions = ProviderSchema.retentions

    let platform: Platform

    public init(on platform: Platform) { self.platform = platform }

    public var handlers: [ServedContract] {
        [.provider(ProviderHandler(runtime: platform.runtime), on: platform)]
    }

    public var jobs: [Job] {
        [
            Job("forget keys", every: .seconds(60), batchesOf: KeyStore.purgeBatch) { tx in
                try KeyStore().purge(in: tx)
            }
        ]
    }
}
