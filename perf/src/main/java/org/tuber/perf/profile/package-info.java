/** {@code tuber perf profile}: where a guest's time goes, in all tiers. */
package org.tuber.perf.profile;
