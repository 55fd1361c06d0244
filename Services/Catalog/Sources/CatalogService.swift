import CatalogContract
public import MartletContract
public import MartletHost
public import MartletSQL

/// The catalogue service: products, prices and search.
public struct CatalogService: ServiceBlueprint {
    public static let name = "catalog"
    public static let migrations = CatalogSchema.migrations + CatalogAuditViews.migrations

    public static let retentions = CatalogSchema.retentions

    let platform: Platform

    public init(on platform: Platform) { self.platform = platform }

    public var handlers: [ServedContract] { [.catalog(CatalogHandler(), on: platform)] }
}
