//! The sums of fingerprints that a pull compares with: kept by triggers, and counted again here.

use sqlx::{AnyConnection, AssertSqlSafe};
use sync_core::id::TenantId;

use crate::StoreError;

/// What they are, of each technician who has something in scope.
pub(super) const COUNTED: &str = "SELECT scope.user_id, COUNT(*), \
    CAST(SUM(fingerprint >> 32) AS BIGINT), CAST(SUM(fingerprint & 4294967295) AS BIGINT) \
    FROM scope JOIN documents ON documents.tenant = scope.tenant AND documents.doc = scope.doc \
    WHERE scope.tenant = $1 AND scope.current = 1 GROUP BY scope.user_id";

/// What is kept.
pub(super) const KEPT: &str =
    "SELECT user_id, documents, high, low FROM scope_digests WHERE tenant = $1";

/// Puts what is kept in the place of what is counted, under the lock of the tenant.
pub(super) async fn mend(tx: &mut AnyConnection, tenant: TenantId) -> Result<(), StoreError> {
    let counted = COUNTED.replacen("SELECT", "SELECT scope.tenant,", 1);
    let counted = counted.replace("GROUP BY", "GROUP BY scope.tenant,");
    for sql in [
        "DELETE FROM scope_digests WHERE tenant = $1".to_owned(),
        format!("INSERT INTO scope_digests (tenant, user_id, documents, high, low) {counted}"),
    ] {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_bytes().to_vec());
        query.execute(&mut *tx).await?;
    }
    Ok(())
}
