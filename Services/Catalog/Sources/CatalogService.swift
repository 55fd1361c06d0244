import CatalogContract
public import MartletContract
public import MartletHost
public import MartletSQL

/// The catalogue service: products, prices and search.
public struct CatalogService: ServiceBlueprint {
    public static let name = "catalog"
    public static let migrations = CatalogSchema.migrations + CatalogAuditViews.migrations

    let database: any SQLDatabase

    public init(on platform: Platform) { database = platform.database }

    public var handlers: [ServedContract] { [.catalog(CatalogHandler(database: database))] }
}
